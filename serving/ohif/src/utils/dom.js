// Copyright 2026 The BLS-GAN bundle contributors
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//     http://www.apache.org/licenses/LICENSE-2.0
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// Elements of the page, also as React components for OHIF: extensions are loaded without a React of their own.

/** Create a DOM element: createElement('button', { class: 'x', onclick }, 'text', child). */
export function createElement(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.filter(child => child !== undefined && child !== null));
  return element;
}

/** Create an SVG element: createShape('path', { d }, child) or createShape('text', { x, y }, 'text'). */
export function createShape(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(
    ...children
      .filter(child => child !== undefined && child !== null)
      .map(child => (child.nodeType ? child : String(child))),
  );
  return element;
}

/**
 * Create a React component that is a plain DOM element.
 *
 * @param fill called with the element and the component's properties, whenever React draws it
 */
export function createComponent(fill, className = '') {
  return function PlainElement(props) {
    return reactElement('div', { className, ref: element => element && fill(element, props) });
  };
}

/** Create what React.createElement returns in React 18, with which OHIF is built. */
function reactElement(type, { ref, ...props }) {
  return { $$typeof: Symbol.for('react.element'), type, key: null, ref, props, _owner: null, _store: {} };
}

/** Add the style sheet to the page, once. */
export function loadStyle() {
  const href = new URL('../style.css', import.meta.url).href;
  if (!document.querySelector(`link[href="${href}"]`)) {
    document.head.append(createElement('link', { rel: 'stylesheet', href }));
  }
}

/** Ask a question with two answers in a dialog; resolves to true for the first one. */
export function ask(question, yes, no) {
  return new Promise(resolve => {
    const dialog = createElement(
      'dialog',
      { class: 'bls-gan-dialog', 'data-cy': 'bls-gan-dialog' },
      createElement(
        'form',
        { method: 'dialog' },
        createElement('p', {}, question),
        createElement('button', { class: 'bls-gan-secondary', value: 'yes' }, yes),
        createElement('button', { class: 'bls-gan-primary', value: 'no', autofocus: true }, no),
      ),
    );
    // Keys are the dialog's, not the viewer's, while it is open; Escape closes it.
    dialog.addEventListener('keydown', event => event.stopPropagation());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

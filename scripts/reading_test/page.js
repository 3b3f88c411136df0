// Reading test: shows the pictures one after another, notes answers and seconds, saves them as a CSV file.
'use strict';

const byId = id => document.getElementById(id);
const items = JSON.parse(byId('items').textContent);
const picture = byId('picture');

// Black between two pictures, ms: nobody sees them side by side, and one long key press is one answer.
const GAP = 250;

const rows = [];
let reader = '';
let view = 'start';
let visibleSince = null; // null: no picture is on the screen
let seconds = 0;

function show(name) {
  view = name;
  for (const main of document.querySelectorAll('main')) {
    main.hidden = main.id !== name;
  }
}

function startClock() {
  requestAnimationFrame(() => {
    if (view === 'reading' && visibleSince === null) {
      picture.classList.remove('gone');
      visibleSince = performance.now();
    }
  });
}

function stopClock() {
  if (visibleSince !== null) {
    seconds += (performance.now() - visibleSince) / 1000;
    visibleSince = null;
  }
  picture.classList.add('gone');
}

async function next() {
  byId('number').textContent = `${rows.length + 1} of ${items.length}`;
  byId('progress').value = rows.length;
  seconds = 0;
  const started = rows.length;
  picture.src = items[started].picture;
  // Decoded before it is shown; a browser that cannot do so ahead of time does it then.
  await Promise.all([picture.decode().catch(() => {}), new Promise(done => setTimeout(done, GAP))]);
  if (rows.length === started) {
    startClock();
  }
}

function answer(word) {
  if (view !== 'reading' || visibleSince === null) {
    return;
  }
  stopClock();
  rows.push([reader, items[rows.length].item, word, seconds.toFixed(2)]);
  if (rows.length < items.length) {
    next();
  } else {
    finish();
  }
}

function pause() {
  if (view === 'reading') {
    stopClock();
    show('paused');
  }
}

function resume() {
  if (view === 'paused') {
    show('reading');
    startClock();
  }
}

function quoted(value) {
  return /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function save() {
  const lines = [['reader', 'item', 'answer', 'seconds'], ...rows].map(row => row.map(quoted).join(',') + '\n');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(lines, { type: 'text/csv' }));
  link.download = byId('file').textContent;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function finish() {
  byId('summary').textContent = `You have answered ${rows.length} of ${items.length} pictures.`;
  byId('file').textContent = `answers_${reader.replace(/[ .]+/g, '_').replace(/_$/, '')}.csv`;
  show('end');
  save();
}

byId('form').addEventListener('submit', event => {
  event.preventDefault();
  const name = byId('reader').value.trim();
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(name) || name.toLowerCase() === 'machine') {
    byId('refusal').textContent = 'Please enter your name or initials: letters, digits, spaces.';
    return;
  }
  reader = name;
  document.activeElement?.blur();
  show('reading');
  next();
});

byId('real').addEventListener('click', () => answer('real'));
byId('made').addEventListener('click', () => answer('made'));
byId('resume').addEventListener('click', resume);
byId('stop').addEventListener('click', finish);
byId('save').addEventListener('click', save);

document.addEventListener('keydown', event => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || view === 'start') {
    return;
  }
  const action = { r: () => answer('real'), m: () => answer('made'), p: view === 'paused' ? resume : pause }[
    event.key.toLowerCase()
  ];
  action?.();
});

// A page that is not looked at has no running clock.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    pause();
  }
});

addEventListener('beforeunload', event => {
  if (rows.length && view !== 'end') {
    event.preventDefault();
  }
});

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

// OHIF's managers, handed over once when the extension is registered, and what is asked of them often.

let managers;

export function keep(handedOver) {
  managers = handedOver;
}

export function services() {
  return managers.servicesManager.services;
}

export function run(command, options) {
  return managers.commandsManager.run(command, options);
}

export function dataSource() {
  return managers.extensionManager.getActiveDataSource()[0];
}

export function extensionManager() {
  return managers.extensionManager;
}

/** Cornerstone and its tools, as OHIF's own extension offers them. */
export function libraries() {
  return managers.extensionManager
    .getModuleEntry('@ohif/extension-cornerstone.utilityModule.common')
    .exports.getCornerstoneLibraries();
}

/** The cornerstone viewport of a pane, if it is on the screen. */
export function viewport(id) {
  return services().cornerstoneViewportService.getCornerstoneViewport(id);
}

export function displaySets() {
  return services().displaySetService.getActiveDisplaySets();
}

export function notify(type, message, more = {}) {
  return services().uiNotificationService.show({
    title: 'Separate bones',
    message,
    type,
    allowDuplicates: true,
    ...more,
  });
}

export function refreshToolbar() {
  const { toolbarService, viewportGridService } = services();
  toolbarService.refreshToolbarState({ viewportId: viewportGridService.getActiveViewportId() });
}

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

// OHIF's managers, set once when the extension is registered, and short calls to them.

let managers;

/** Set the managers that OHIF passes to an extension. */
export function setManagers(newManagers) {
  managers = newManagers;
}

/** Return OHIF's services by their names. */
export function getServices() {
  return managers.servicesManager.services;
}

/** Run a command of OHIF. */
export function runCommand(command, options) {
  return managers.commandsManager.run(command, options);
}

/** Return OHIF's access to the PACS. */
export function getDataSource() {
  return managers.extensionManager.getActiveDataSource()[0];
}

/** Return Cornerstone and its tools, as OHIF's own extension offers them. */
export function getLibraries() {
  return managers.extensionManager
    .getModuleEntry('@ohif/extension-cornerstone.utilityModule.common')
    .exports.getCornerstoneLibraries();
}

/** Return the Cornerstone viewport of a pane; undefined if it is not on the screen. */
export function getViewport(id) {
  return getServices().cornerstoneViewportService.getCornerstoneViewport(id);
}

/** Return all display sets of the open study. */
export function getDisplaySets() {
  return getServices().displaySetService.getActiveDisplaySets();
}

/** Show a notification; return its id. */
export function notify(type, message, more = {}) {
  return getServices().uiNotificationService.show({
    title: 'Separate bones',
    message,
    type,
    allowDuplicates: true,
    ...more,
  });
}

/** Let the toolbar ask again which buttons are enabled and active. */
export function refreshToolbar() {
  const { toolbarService, viewportGridService } = getServices();
  toolbarService.refreshToolbarState({ viewportId: viewportGridService.getActiveViewportId() });
}

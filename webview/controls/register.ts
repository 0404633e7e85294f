/** The only file that loads the toolkit's code; its components become elements of the page here. */
import {
  provideVSCodeDesignSystem, vsCodeButton, vsCodeCheckbox, vsCodeDropdown, vsCodeLink, vsCodeOption,
  vsCodePanelTab, vsCodePanelView, vsCodePanels, vsCodeTextField,
} from '@vscode/webview-ui-toolkit';

provideVSCodeDesignSystem().register(
  vsCodeButton(), vsCodeCheckbox(), vsCodeDropdown(), vsCodeLink(), vsCodeOption(),
  vsCodePanels(), vsCodePanelTab(), vsCodePanelView(), vsCodeTextField(),
);

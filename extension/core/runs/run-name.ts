/** What a run may be called: its name becomes a folder's, and part of command lines. */
export const RUN_NAME = /^[\w-][\w.-]{0,99}$/;

export const RUN_NAME_RULE = 'up to 100 letters, digits, `_`, `-` and `.`, not beginning with a dot';

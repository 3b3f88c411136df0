// ESLint's settings for serving/ohif, the part of the viewer that is ours, and for pages in scripts: `make lint` runs it.

import js from '@eslint/js';
import globals from 'globals';

export default [
  js.configs.recommended,
  {
    files: ['serving/ohif/**/*.js', 'scripts/**/*.js'],
    languageOptions: { globals: globals.browser },
    rules: {
      'consistent-return': 'error',
      curly: 'error',
      eqeqeq: 'error',
      'no-shadow': 'error',
      'no-use-before-define': ['error', { functions: false }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
];

import js from '@eslint/js';
import globals from 'globals';

/**
 * A room of the pages uses itself and the rooms below: core/, widgets/, frame/ or pages/, app.js. No page uses another.
 * @param {string} room  below src/static/ops/js
 * @param {string} above  what it may not import, as a regular expression
 */
function room(room, above) {
  return {
    files: [`src/static/ops/js/${room}/**/*.js`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: above, message: `${room}/ lies below or beside it` }] }],
    },
  };
}

export default [
  { ignores: ['build/**', 'node_modules/**', 'subprojects/**'] },
  js.configs.recommended,
  {
    rules: {
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': ['error', { allow: ['error', 'warn'] }],
      complexity: ['error', 14],
      'max-depth': ['error', 4],
    },
  },
  {
    files: ['src/static/ops/js/**/*.js'],
    languageOptions: { globals: globals.browser },
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[property.name=/^(isComposing|keyCode)$/]',
          message: 'core/keyboard.js has seen to it.',
        },
      ],
    },
  },
  { files: ['src/static/ops/js/core/keyboard.js'], rules: { 'no-restricted-syntax': 'off' } },
  room('core', '^(\\.\\./)+(widgets|frame|pages)\\b'),
  room('widgets', '^(\\.\\./)+(frame|pages)\\b'),
  room('frame', '^(\\.\\./)+pages/'),
  room('pages', '^\\.\\./(?!\\.\\./)|^(\\.\\./)+(frame|pages)/'),
  {
    files: ['tools/**/*.mjs', 'tests/**/*.mjs', '*.config.js'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { 'no-console': 'off' },
  },
];

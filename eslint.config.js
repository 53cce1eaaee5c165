import js from '@eslint/js';
import globals from 'globals';

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
          message: 'js/keyboard.js has seen to it.',
        },
      ],
    },
  },
  { files: ['src/static/ops/js/keyboard.js'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['tools/**/*.mjs', 'tests/**/*.mjs', '*.config.js'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { 'no-console': 'off' },
  },
];

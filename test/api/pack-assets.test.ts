import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import fg from 'fast-glob';
import { packScript, packStyle } from '../../api/pack-assets.ts';
import { projectFile } from '../../data/project-files.ts';

const SCRIPTS: [source: string, packed: string, reason: string][] = [
  ['const a = b => ({ c: [1, 2] });\n', 'const a=b=>({c:[1,2]});', 'blanks beside signs'],
  ["/* why */\n// and\n  f('a, b = c');\n", "f('a, b = c');", 'comments go, texts stay'],
  [`f(\`a, \${b} : c\`, "d = e");`, `f(\`a, \${b} : c\`,"d = e");`, 'templates and double quotes stay'],
  ["a.replace(/[/'] = ,{2} b/g, 'x');", "a.replace(/[/'] = ,{2} b/g,'x');", 'patterns stay'],
  [
    'const half = (max - min) / 4 + x / y;',
    'const half=(max - min) / 4 + x / y;',
    'divisions are no patterns',
  ],
  ['f(\n  a,\n  b,\n);\n', 'f(a,b);', 'the comma before what closes goes'],
  ['if (a) {\n  b();\n}\nc();\n', 'if(a){b();}\nc();', 'after a closing brace a line end may count'],
  ['a\n  .b()\n  ?.c(d ?? e);', 'a.b()?.c(d??e);', 'a statement that goes on'],
  ['f(...a, ...b);', 'f(...a,...b);', 'a comma before dots stays'],
  ['a = x === y ? p : q;\r\nb();\r\n', 'a=x===y?p:q;b();', 'line ends of Windows'],
];

test('a script loses its layout and nothing else', () => {
  for (const [source, packed, reason] of SCRIPTS) assert.equal(packScript([source]), packed, reason);
});

test('parts of a script become one, without their imports and exports', () => {
  const first = '/** One. */\nexport const a = 1;\nexport function f() {}\n';
  const second = "import {\n  a,\n  f,\n} from './first.js';\n\nf(a);\n";
  assert.equal(packScript([first, second]), 'const a=1;function f(){}\nf(a);');
});

test('of our own scripts only blanks and commas before what closes are lost', () => {
  const folder = projectFile('views', 'assets');
  for (const name of fg.sync('**/*.js', { cwd: folder })) {
    const source = readFileSync(path.join(folder, name), 'utf8');
    const bare = (text: string) => text.replace(/\s+/g, '').replace(/,(?=[)}\]])/g, '');
    const code = source.replace(/^\s*\/[/*].*$/gm, '').replace(/^import [^;]*;$|^export /gm, '');
    assert.equal(bare(packScript([source])), bare(code), name);
    assert.doesNotMatch(code, /[;{}(),] +\/[/*]/, `${name} has a comment behind code`);
  }
});

test('a style sheet loses its layout and nothing else', () => {
  assert.equal(
    packStyle('/* why */\n.a,\n.b :is(c, d) {\n  margin: 0 auto;\n  content: "x" / "";\n}\n'),
    '.a,.b :is(c,d){margin:0 auto;content:"x" / ""}',
  );
});

/** The plain name in a decorated one, where the decoration is simple enough to be certain of it. */
import type { Arch } from '../../data/facts.ts';

/** Names of functions that the decoration abbreviates; a member is qualified by its class. */
const SPECIAL_NAMES = new Map([
  ['2', 'operator new'],
  ['3', 'operator delete'],
  ['_U', 'operator new[]'],
  ['_V', 'operator delete[]'],
]);
/** `Name@Class@Namespace@@`: no templates, no back references, no unnamed scopes. */
const QUALIFIED = /^((?:[A-Za-z_$][\w$]*@)+)@/;
/** x86: `_Name`, `_Name@12` (stdcall) and `@Name@8` (fastcall). */
const X86_NAME = /^(?:_([A-Za-z_$][\w$]*)(?:@\d{1,3})?|@([A-Za-z_$][\w$]*)@\d{1,3})$/;

/** `?Create@Buffer@@QEAA...` becomes `Buffer::Create` and, on x86, `_Name@12` becomes `Name`; else the name as it is. */
export function undecoratedName(name: string, arch: Arch): string {
  if (name.startsWith('??')) return specialName(name) ?? name;
  if (name.startsWith('?')) return scopesOf(name.slice(1))?.join('::') ?? name;
  const plain = arch === 'x86' ? X86_NAME.exec(name) : null;
  return plain === null ? name : (plain[1] ?? plain[2]);
}

/** Constructors (`??0`), destructors (`??1`) and the operators that take and give memory. */
function specialName(name: string): string | undefined {
  const code = name.startsWith('??_') ? name.slice(2, 4) : name.slice(2, 3);
  const rest = name.slice(2 + code.length);
  const operator = SPECIAL_NAMES.get(code);
  // A global operator has no scope: the list of scopes ends at once.
  if (operator !== undefined && rest.startsWith('@')) return operator;
  const scopes = scopesOf(rest);
  if (scopes === undefined) return undefined;
  if (operator !== undefined) return [...scopes, operator].join('::');
  const own = scopes[scopes.length - 1];
  if (code === '0') return [...scopes, own].join('::');
  return code === '1' ? [...scopes, `~${own}`].join('::') : undefined;
}

/** The parts of a qualified name, the outermost first. */
function scopesOf(text: string): string[] | undefined {
  const list = QUALIFIED.exec(text);
  return list === null ? undefined : list[1].slice(0, -1).split('@').reverse();
}

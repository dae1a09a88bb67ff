/** Random code that calls, jumps and allocates, with bytes of chance in between. */
import fc from 'fast-check';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { ALLOCATE_RVA, CODE_RVA, MachineCode } from './machine-code.ts';
import { IMAGE_BASE } from './small-image.ts';

/** Bytes, or an instruction that leads to the import or to the statement of a number. */
type Statement = number[] | { kind: 'allocate' | 'call' | 'jump' | 'branch'; to: number };

/** Every statement takes so many bytes at most, and begins at a multiple of four. */
const STATEMENT_BYTES = 12;

/** Instructions that the analysis follows: tags and fields in registers, stores, copies, computed jumps, returns. */
const FOLLOWED: Record<DriverImage['arch'], string[]> = {
  x64: [
    '41b854616731', // mov r8d, Tag1
    '4189d0', // mov r8d, edx
    'ba54616731', // mov edx, Tag1
    '448b4028', // mov r8d, [rax+28h]
    '488b4110', // mov rax, [rcx+10h]
    '895128', // mov [rcx+28h], edx
    '44894028', // mov [rax+28h], r8d
    'f3a5', // rep movsd
    '488d7c2420', // lea rdi, [rsp+20h]
    '4883ec28', // sub rsp, 28h
    '448b448420', // mov r8d, [rsp+rax*4+20h]
    '83f803', // cmp eax, 3
    '440f42c0', // cmovb r8d, eax
    '41c1e018', // shl r8d, 24
    '4101c0', // add r8d, eax
    '41ffc0', // inc r8d
    'ffe0', // jmp rax
    'ff5008', // call [rax+8]
    '448b05f4ffffff', // mov r8d, [rip-12]
    'c3',
  ],
  x86: [
    '6854616731', // push Tag1
    '50', // push eax
    'b854616731', // mov eax, Tag1
    '8b442404', // mov eax, [esp+4]
    'ff742408', // push [esp+8]
    '894128', // mov [ecx+28h], eax
    '8b4128', // mov eax, [ecx+28h]
    'f3ab', // rep stosd
    '8d3c24', // lea edi, [esp]
    '83f803', // cmp eax, 3
    '0f42c1', // cmovb eax, ecx
    'c1e018', // shl eax, 24
    '01c8', // add eax, ecx
    '40', // inc eax
    'ffe0', // jmp eax
    'ff5004', // call [eax+4]
    'ff248500204000', // jmp [eax*4+402000h]
    'c20400',
    '5589e5',
    'c9c3',
  ],
  arm64: [
    '022a8c52e22ca672', // mov w2, Tag1
    'e203012a', // mov w2, w1
    '022840b9', // ldr w2, [x0, #28h]
    '022800b9', // str w2, [x0, #28h]
    '000840f9', // ldr x0, [x0, #16]
    '1f0c0071', // cmp w0, #3
    '4230801a', // csel w2, w2, w0, lo
    '021c0853', // a bit field
    '02784033',
    '0200000b', // add w2, w0, w0
    '42600b0b',
    '42040011', // add w2, w2, #1
    'e2230029', // stp w2, w8, [sp]
    'e20b4029', // ldp
    '00001fd6', // br x0
    '00013fd6', // blr x8
    'c0035fd6', // ret
    'ff8300d1', // sub sp, sp, #32
    '02000018', // ldr w2, itself
    '00000090', // adrp x0, here
  ],
};

/** Statements for one processor. */
export function randomStatements(arch: DriverImage['arch']): fc.Arbitrary<Statement[]> {
  const followed = FOLLOWED[arch].map(hex => [...Buffer.from(hex, 'hex')]);
  const statement = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Statement>(...followed) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('allocate' as const, 'call' as const, 'jump' as const, 'branch' as const),
        to: fc.nat(300),
      }),
    },
    { weight: 1, arbitrary: fc.array(fc.nat(255), { minLength: 4, maxLength: 12 }) },
  );
  return fc.array(statement, { minLength: 20, maxLength: 300, size: 'max' });
}

/** The statements in a row, as one function of .pdata for every sixteen. */
export function randomCode(arch: DriverImage['arch'], statements: readonly Statement[]): MachineCode {
  const code = new MachineCode(statements.length * STATEMENT_BYTES, arch === 'arm64' ? 0 : 0x90);
  statements.forEach((statement, n) => {
    const at = n * STATEMENT_BYTES;
    if (Array.isArray(statement)) code.put(at, ...statement);
    else lead(code, arch, at, statement.kind, (statement.to % statements.length) * STATEMENT_BYTES);
    if (arch === 'arm64') fillWithNops(code, at, Array.isArray(statement) ? statement.length : 12);
    if (n % 16 === 0) code.listed(at, Math.min(at + 16 * STATEMENT_BYTES, code.bytes.length));
  });
  return code;
}

function fillWithNops(code: MachineCode, at: number, length: number): void {
  for (let p = at + ((length + 3) & ~3); p < at + STATEMENT_BYTES; p += 4)
    code.put(p, 0x1f, 0x20, 0x03, 0xd5);
}

function lead(
  code: MachineCode,
  arch: DriverImage['arch'],
  at: number,
  kind: 'allocate' | 'call' | 'jump' | 'branch',
  target: number,
): void {
  if (arch === 'arm64') return leadArm64(code, at, kind, target);
  if (kind === 'call') code.call(at, target);
  else if (kind === 'jump') code.jump(at, target);
  else if (kind === 'branch') code.branch(at, target);
  else if (arch === 'x64') code.allocate(at);
  else code.put32(code.put(at, 0xff, 0x15), IMAGE_BASE + ALLOCATE_RVA);
}

/** bl, b, cbz w0, and adrp x8; ldr x8, [x8]; blr x8. */
function leadArm64(
  code: MachineCode,
  at: number,
  kind: 'allocate' | 'call' | 'jump' | 'branch',
  target: number,
): void {
  const words = (target - at) >> 2;
  let next = at;
  if (kind === 'call') next = code.put32(at, 0x94000000 | (words & 0x3ffffff));
  else if (kind === 'jump') next = code.put32(at, 0x14000000 | (words & 0x3ffffff));
  else if (kind === 'branch') next = code.put32(at, 0x34000000 | ((words & 0x7ffff) << 5));
  else {
    const pages = (ALLOCATE_RVA >> 12) - ((CODE_RVA + at) >> 12);
    next = code.put32(at, 0x90000008 | ((pages & 3) << 29) | (((pages >> 2) & 0x7ffff) << 5));
    next = code.put(next, 0x08, 0x01, 0x40, 0xf9, 0x00, 0x01, 0x3f, 0xd6);
  }
  fillWithNops(code, at, next - at);
}

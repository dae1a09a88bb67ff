/**
 * Interfaces of other drivers: a KMDF driver asks for one by its GUID, and gets a structure of pointers filled, some of whose
 * functions take a tag. Source: Microsoft's driver documentation (DDI) of bthddi.h, bthsdpddi.h and sdplib.h.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { directCallee, type FunctionTable } from '../facts/sinks.ts';
import type { PoolFunction } from '../pool/pool-functions.ts';
import type { Value } from '../values/values.ts';

/** Of WdfFdoQueryForInterface, behind the driver's globals and the device: the GUID, and where the structure is. */
const GUID_ARGUMENT = 3;
const STRUCTURE_ARGUMENT = 4;
/** Pointers that INTERFACE has room for: Size and Version in one, Context, InterfaceReference, InterfaceDereference. */
const HEAD = 4;
/** Functions of interfaces stand at no address of the image: they go by numbers below any. */
const FIRST_FUNCTION = -1;

/** Functions that take a tag: the distance of their pointers behind INTERFACE, in pointers. */
type Row = [at: number, poolFunction: PoolFunction];

const INTERFACES: { guid: readonly number[]; rows: Row[] }[] = [
  {
    guid: guidWords('94a59aa8-4383-4286-aa4f-34a160f40004'), // GUID_BTHDDI_PROFILE_DRIVER_INTERFACE
    rows: [[0, taking('BthAllocateBrb', 2)]],
  },
  {
    guid: guidWords('81a7fdf3-86c1-4be8-a8c8-2a6d188b4177'), // GUID_BTHDDI_SDP_NODE_INTERFACE
    rows: [
      [0, taking('SdpCreateNodeTree', 1)],
      [2, taking('SdpCreateNodeNil', 1)],
      [3, taking('SdpCreateNodeBoolean', 2)],
      [4, taking('SdpCreateNodeUint8', 2)],
      [5, taking('SdpCreateNodeUint16', 2)],
      [6, taking('SdpCreateNodeUint32', 2)],
      [7, taking('SdpCreateNodeUint64', 2, 8)],
      [8, taking('SdpCreateNodeUint128', 2)],
      [9, taking('SdpCreateNodeInt8', 2)],
      [10, taking('SdpCreateNodeInt16', 2)],
      [11, taking('SdpCreateNodeInt32', 2)],
      [12, taking('SdpCreateNodeInt64', 2, 8)],
      [13, taking('SdpCreateNodeInt128', 2)],
      [14, taking('SdpCreateNodeUuid16', 2)],
      [15, taking('SdpCreateNodeUuid32', 2)],
      [16, taking('SdpCreateNodeUuid128', 2)],
      [17, taking('SdpCreateNodeString', 3)],
      [18, taking('SdpCreateNodeUrl', 3)],
      [19, taking('SdpCreateNodeAlternative', 1)],
      [20, taking('SdpCreateNodeSequence', 1)],
      [21, taking('SdpAddAttributeToTree', 4)],
    ],
  },
  {
    guid: guidWords('4e719439-9cf1-4bab-ac1d-3279865743d2'), // GUID_BTHDDI_SDP_PARSE_INTERFACE
    rows: [
      [1, taking('SdpConvertStreamToTree', 4)],
      [2, taking('SdpConvertTreeToStream', 4)],
    ],
  },
];

/** What a call puts behind a pointer: the function that goes by the number `rva`. */
interface FilledPointer {
  pointer: Value;
  distance: number;
  rva: number;
}

const NONE_FILLED: readonly FilledPointer[] = [];

/** Answers for the function at hand. */
export class QueriedInterfaces {
  readonly #context: SearchContext;
  readonly #frameworks: readonly FunctionTable[];

  constructor(context: SearchContext, frameworks: readonly FunctionTable[]) {
    this.#context = context;
    this.#frameworks = frameworks.filter(({ queryAt }) => queryAt !== undefined);
  }

  /** The pointers that indirect call `i` lets another driver fill. */
  filledBy(i: number): readonly FilledPointer[] {
    if (this.#frameworks.length === 0 || !this.#isQuery(i)) return NONE_FILLED;
    const { code, fn, targets } = this.#context;
    const { processor } = code;
    const guids = fn.passedAt(processor.argument(GUID_ARGUMENT), i);
    const pointers = fn.passedAt(processor.argument(STRUCTURE_ARGUMENT), i);
    const filled: FilledPointer[] = [];
    let rva = FIRST_FUNCTION;
    for (const { guid, rows } of INTERFACES) {
      const isAsked = guids.some(value => value.kind === 'address' && isGuidAt(code.image, value.rva, guid));
      for (const [at, poolFunction] of rows) {
        if (isAsked) {
          targets.addFunction(rva, directCallee(poolFunction, 'bthport.sys', processor));
          const distance = (HEAD + at) * processor.pointerSize;
          for (const pointer of pointers) filled.push({ pointer, distance, rva });
        }
        rva--;
      }
    }
    return filled;
  }

  #isQuery(i: number): boolean {
    return this.#context.fn
      .calledPointers(i)
      .some(value =>
        this.#frameworks.some(
          ({ variableRva, queryAt }) =>
            value.kind === 'behind' && value.rva === variableRva && value.offset === queryAt,
        ),
      );
  }
}

function taking(name: string, tagArgument: number, x86Offset?: number): PoolFunction {
  return { name, kind: 'framework-call', tagArgument, x86Offset };
}

/** A GUID as it stands in memory, four bytes at a time. */
function guidWords(text: string): number[] {
  const [data1, data2, data3, ...data4] = text.split('-');
  const rest = data4.join('').match(/../g) ?? [];
  const littleEndian = (bytes: readonly string[]) => Number.parseInt([...bytes].reverse().join(''), 16);
  return [
    Number.parseInt(data1, 16),
    Number.parseInt(data3 + data2, 16),
    littleEndian(rest.slice(0, 4)),
    littleEndian(rest.slice(4)),
  ];
}

function isGuidAt(image: DriverImage, rva: number, guid: readonly number[]): boolean {
  return guid.every((word, n) => image.u32At(rva + 4 * n) === word);
}

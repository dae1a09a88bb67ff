/** ARM64's condition codes in the terms of operations.ts. */
import { Condition } from '../operations.ts';

/** b.eq to b.al as conditions of operations.ts. */
export const CONDITIONS: readonly number[] = [
  Condition.equal,
  Condition.notEqual,
  Condition.aboveOrEqual,
  Condition.below,
  Condition.other,
  Condition.other,
  Condition.other,
  Condition.other,
  Condition.above,
  Condition.belowOrEqual,
  Condition.greaterOrEqual,
  Condition.less,
  Condition.greater,
  Condition.lessOrEqual,
  Condition.other,
  Condition.other,
];

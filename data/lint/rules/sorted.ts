/** Lists are in order, so that a new line has one place and two people's lines do not collide. */
import type { BaseRule, Finding } from '../rule.ts';

export const sorted: BaseRule = {
  name: 'sorted',
  scope: 'base',
  check(base) {
    return [
      ...base.components.flatMap(({ file, content }) =>
        outOfOrder(
          file,
          content.entries.map(({ tag }) => tag),
        ),
      ),
      ...outOfOrder(
        'leaks.json',
        base.leaks.leaks.map(({ id }) => id),
      ),
      ...outOfOrder(
        'advice.json',
        base.advice.advice.map(({ id }) => id),
      ),
      ...outOfOrder(
        'sources.json',
        base.sources.sources.map(({ id }) => id),
      ),
    ];
  },
};

function outOfOrder(file: string, keys: string[]): Finding[] {
  return keys.flatMap((key, i) =>
    i > 0 && key < keys[i - 1]!
      ? [
          {
            file,
            entry: key,
            message: `Stands after ${JSON.stringify(keys[i - 1])}; the order is by character code.`,
          },
        ]
      : [],
  );
}

/** Every file has the shape that the loader and the editors' schemas expect. */
import type { z } from 'zod';
import {
  adviceShape,
  componentShape,
  leaksShape,
  sourcesShape,
  windowsBuildsShape,
} from '../../knowledge-shapes.ts';
import type { BaseRule, Finding } from '../rule.ts';

export const shape: BaseRule = {
  name: 'shape',
  scope: 'base',
  check: base => [
    ...base.components.flatMap(({ file, content }) => faults(file, componentShape, content)),
    ...faults('leaks.json', leaksShape, base.leaks),
    ...faults('advice.json', adviceShape, base.advice),
    ...faults('sources.json', sourcesShape, base.sources),
    ...faults('windows-builds.json', windowsBuildsShape, base.windowsBuilds),
  ],
};

function faults(file: string, schema: z.ZodType, content: unknown): Finding[] {
  const result = schema.safeParse(content);
  return result.success
    ? []
    : result.error.issues.map(issue => ({ file, entry: issue.path.join('.'), message: `${issue.message}.` }));
}

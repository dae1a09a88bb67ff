/** Answers as the OpenAPI document describes them. */
import type { ResponseConfig } from '@asteasolutions/zod-to-openapi';
import type { z } from 'zod';
import { problemSchema } from '../document-schemas.ts';

/** A JSON answer of this shape. */
export function jsonResponse(description: string, schema: z.ZodType): ResponseConfig {
  return { description, content: { 'application/json': { schema } } };
}

/** A problem document with this status, ready to be spread into `responses`. */
export function problemResponse(status: number, description: string): Record<string, ResponseConfig> {
  return { [status]: { description, content: { 'application/problem+json': { schema: problemSchema } } } };
}

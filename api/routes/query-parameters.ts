/** Query parameters as pages read them: what cannot be read counts as missing. */
import type { Request } from 'express';
import type { Arch } from '../../data/facts.ts';

/** Longer texts name nothing that could be found. */
const MAX_PARAMETER_CHARACTERS = 200;
/** No list has more pages; it keeps products of page numbers exact. */
const MAX_PAGE = 100_000;
const ARCHS: readonly Arch[] = ['x86', 'x64', 'arm64'];

/** A query parameter as text: cut where it is too long, the last one where it is given twice, empty where missing. */
export function textParameter(request: Request, name: string): string {
  const given = request.query[name];
  const value = Array.isArray(given) ? given.at(-1) : given;
  return typeof value === 'string' ? value.slice(0, MAX_PARAMETER_CHARACTERS) : '';
}

/** The same, undefined where it is missing or blank. */
export function optionalParameter(request: Request, name: string): string | undefined {
  const value = textParameter(request, name);
  return value.trim() === '' ? undefined : value;
}

/** The page of a list, from 1. What is no number is the first page: a reader is better served so than by an error. */
export function pageParameter(request: Request): number {
  const value = textParameter(request, 'page');
  return /^[1-9]\d{0,8}$/.test(value) ? Math.min(Number(value), MAX_PAGE) : 1;
}

/** The processor asked for; undefined for none or one that does not exist. */
export function archParameter(request: Request): Arch | undefined {
  const value = textParameter(request, 'arch');
  return ARCHS.find(arch => arch === value);
}

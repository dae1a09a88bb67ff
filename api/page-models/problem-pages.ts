/** Pages about errors: each code explained, and the error that a reader has just met. */
import { STATUS_CODES } from 'node:http';
import { FAILURES, type Failure } from '../failures.ts';
import type { Problem } from '../problems.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pathWith } from './pager.ts';

/** The view model of views/pages/problems.hbs. */
export function problemsPage(context: PageContext) {
  return {
    frame: pageFrame(context, {
      title: 'Problems',
      description: 'Every error code of Pooltag, explained.',
      section: 'api',
    }),
    problems: [...FAILURES].map(([code, { title, status, exitCode }]) => ({
      href: `/problems/${code}`,
      code,
      title,
      status: status ?? '',
      exitCode,
    })),
  };
}

/** The view model of views/pages/problem.hbs. */
export function problemPage(context: PageContext, code: string, failure: Failure) {
  const { title, explanation, status, exitCode } = failure;
  return {
    frame: pageFrame(context, { title, description: explanation, section: 'api' }),
    title,
    explanation,
    code,
    status: status === null ? null : `${status} ${STATUS_CODES[status] ?? ''}`,
    exitCode,
  };
}

/** The view model of views/pages/error.hbs. `asked` is what the reader typed, where a search may find it. */
export function errorPage(context: PageContext, problem: Problem, asked = '') {
  const searchText = asked.trim();
  return {
    frame: pageFrame(context, { title: problem.title, description: problem.detail, query: searchText }),
    title: problem.title,
    detail: problem.detail,
    status: problem.status,
    code: problem.code,
    searchHref: searchText === '' ? null : pathWith('/search', { q: searchText }),
    searchText,
    showSpellings: problem.code === 'invalid-tag',
    helpHref: problem.type,
  };
}

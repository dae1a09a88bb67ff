/** `GET /drivers` and `GET /drivers/{sha256}`: the scanned drivers and what was seen in each. */
import { driverAnswerSchema, driversAnswerSchema } from '../document-schemas.ts';
import { answerDriver, driverEntry } from '../driver-answer.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { driverParamsSchema, driversQuerySchema } from '../schemas.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

export const driversRoute: RestRoute = {
  method: 'get',
  path: '/drivers',
  operationId: 'listDrivers',
  summary: 'The drivers that were scanned.',
  request: { query: driversQuerySchema },
  responses: {
    200: jsonResponse('A page of drivers with facets.', driversAnswerSchema),
    ...problemResponse(400, 'A parameter is not what it must be.'),
  },
  handle(request, response, context) {
    const { catalogue } = context;
    const { answerVersion } = catalogue;
    const query = readRequest(driversQuerySchema, request.query, 'invalid-query');
    const { drivers, ...page } = catalogue.drivers(query);
    sendAnswer(request, response, context, answerVersion, {
      query,
      ...page,
      drivers: drivers.map(driverEntry),
    });
  },
};

export const driverRoute: RestRoute = {
  method: 'get',
  path: '/drivers/{sha256}',
  operationId: 'getDriver',
  summary: 'One scanned driver: its identity, and each tag it uses with all evidence.',
  request: { params: driverParamsSchema },
  responses: {
    200: jsonResponse('The driver.', driverAnswerSchema),
    ...problemResponse(400, 'Not a SHA-256.'),
    ...problemResponse(404, 'No scanned driver has this SHA-256.'),
  },
  async handle(request, response, context) {
    const { catalogue } = context;
    const { answerVersion } = catalogue;
    const { sha256 } = readRequest(driverParamsSchema, request.params, 'invalid-query');
    const driver = catalogue.driver(sha256);
    if (driver === undefined)
      throw new PooltagError('unknown-driver', `No scanned driver has the SHA-256 ${sha256}.`);
    sendAnswer(request, response, context, answerVersion, await answerDriver(driver, catalogue));
  },
};

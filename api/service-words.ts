/** Says in words what loads a driver on this computer. */
import type { DriverService, DriverStart } from '../data/facts.ts';

const STARTS: Record<DriverStart, string> = {
  boot: 'loaded at boot by service',
  system: 'loaded while Windows starts by service',
  automatic: 'loaded once Windows runs by service',
  manual: 'installed, and loaded when it is needed by service',
  disabled: 'installed, not loaded: it is disabled as service',
};
/** The sooner it is loaded, the sooner it is named. */
const ORDER = Object.keys(STARTS) as DriverStart[];

/** `loaded at boot by service storahci`; several are joined with a semicolon. */
export function servicesInWords(services: readonly DriverService[]): string {
  if (services.length === 0) return 'installed, not started: no service names it';
  return services
    .toSorted((a, b) => ORDER.indexOf(a.start) - ORDER.indexOf(b.start))
    .map(({ name, start }) => `${STARTS[start]} ${name}`)
    .join('; ');
}

/** The lines about the file itself at the head of a driver's block, for people. */
import type { DriverIdentity } from '../../data/facts.ts';
import { frameworkNames, signatureSummary, timeText } from '../identity-words.ts';
import { escapeControls, type Style } from '../terminal-text.ts';

/** One line or two: how it was built and with which symbols, and who signed it. What the file does not say is left out. */
export function identityLines(driver: DriverIdentity, style: Style): string[] {
  const { linkDate, buildHash, pdbName, pdbId, hybrid } = driver;
  const frameworks = frameworkNames(driver);
  const facts = [
    frameworks.length > 0 && `frameworks: ${frameworks.join(', ')}`,
    linkDate !== null && `linked ${timeText(linkDate)}`,
    buildHash !== null && `reproducible build ${buildHash}`,
    hybrid !== null && `hybrid image (${hybrid})`,
    pdbName !== null && `symbols ${[pdbName, pdbId].filter(Boolean).join(' ')}`,
  ].filter(fact => fact !== false);
  const signature = signatureSummary(driver);
  const lines = facts.length === 0 ? [] : [style.dim(escapeControls(facts.join('; ')))];
  if (signature !== null) {
    const text = escapeControls(signature.text);
    lines.push(signature.isChanged ? style.yellow(text) : style.dim(text));
  }
  return lines.map(line => `  ${line}`);
}

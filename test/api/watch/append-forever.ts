/** Appends numbered lines to a log until it is killed; its arguments: the file, the bytes of a file, the number of files. */
import { SnapshotLog } from '../../../api/watch/snapshot-log.ts';

const [file, fileBytes, files] = process.argv.slice(2);
const log = await SnapshotLog.open(file, { fileBytes: Number(fileBytes), files: Number(files) });
for (let number = 0; ; number++) {
  await log.append(`${JSON.stringify({ number, filling: 'x'.repeat(50_000) })}\n`);
  // Tells the test that there is something to kill.
  if (number === 3) process.stdout.write('begun\n');
}

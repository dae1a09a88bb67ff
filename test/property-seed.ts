/** Property tests take the same inputs in every run, so that a change is what fails; PROPERTY_SEED=N tries others. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });

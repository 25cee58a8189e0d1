/**
 * A training run as a file: `arcface train --config run.ts`. What `defineConfig` checks while it is being written is what the
 * command line checks when it is read.
 */
import type { TrainCommandOptions } from './training-settings.ts';

/** What is a list on the command line may be one here. */
type List = 'lrSteps' | 'lrEpochs' | 'freeze';

/** The options of `arcface train` by name, in camelCase; all of them optional, the command line wins. */
export type TrainConfig = Partial<Omit<TrainCommandOptions, 'config' | List>> & {
  readonly lrSteps?: readonly number[];
  readonly lrEpochs?: readonly number[];
  readonly freeze?: string | readonly string[];
};

/** Does nothing but check the types: `export const config = defineConfig({ data: 'faces', subcenters: 3 })`. */
export function defineConfig<const T extends TrainConfig>(config: T): T {
  return config;
}

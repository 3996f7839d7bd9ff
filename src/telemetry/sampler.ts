/** Which requests are recorded. */
import { ROOT_CONTEXT } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  RandomIdGenerator,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../config-observability.ts';

/**
 * A request continues its caller's trace, but whether it is recorded is decided here, as if no trace had come with it:
 * else any stranger could have everything recorded, by a flag or by an id that the ratio lets through. With
 * `trustsSampling` the caller's flag decides, where the sampler goes by it. Inside a request all parts follow its first.
 */
export function createSampler({ sampler, sampledShare, trustsSampling }: TracingConfig): Sampler {
  const root = rootSampler(sampler, sampledShare);
  if (trustsSampling && sampler.startsWith('parentbased_')) return new ParentBasedSampler({ root });
  const own = new OwnDecision(root);
  return new ParentBasedSampler({ root, remoteParentSampled: own, remoteParentNotSampled: own });
}

function rootSampler(name: TracingConfig['sampler'], share: number): Sampler {
  if (name.endsWith('always_on')) return new AlwaysOnSampler();
  return name.endsWith('always_off') ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(share);
}

class OwnDecision implements Sampler {
  readonly #root: Sampler;
  readonly #ids = new RandomIdGenerator();

  constructor(root: Sampler) {
    this.#root = root;
  }

  shouldSample(...[, , ...rest]: Parameters<Sampler['shouldSample']>): ReturnType<Sampler['shouldSample']> {
    return this.#root.shouldSample(ROOT_CONTEXT, this.#ids.generateTraceId(), ...rest);
  }

  toString(): string {
    return `OwnDecision{${this.#root.toString()}}`;
  }
}

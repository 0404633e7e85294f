/** The native engine in tests that go through engines: only where the processor and the system are those that it writes for. */
import { nativeSupport } from '../extension/training/engines/native/native-support';

/** Why it cannot run here; undefined where it does. */
export const noNative = nativeSupport();

/** For lists of engines. */
export const nativeHere: readonly 'native'[] = noNative === undefined ? ['native'] : [];

/** What `auto` takes where there is no GPU. */
export const processorsEngine = noNative === undefined ? 'native' : 'compiled-cpu';

/** The thread in the tests of decoding. */
import { recompressingDecoder } from '../testing/recompressing-decoder.fixture.ts';
import { serveDecoder } from './serve-decoder.ts';

serveDecoder(recompressingDecoder);

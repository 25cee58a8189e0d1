/** The thread in the tests of decoding, whose images take a while. */
import { slowDecoder } from '../testing/raw-faces.fixture.ts';
import { recompressingDecoder } from '../testing/recompressing-decoder.fixture.ts';
import { serveDecoder } from './serve-decoder.ts';

serveDecoder({ ...recompressingDecoder, ...slowDecoder });

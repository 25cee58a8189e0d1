/** Ranks as threads of one Node process. */
export {
  createThreadGroup,
  type ThreadCommunicator,
  type ThreadGroup,
  type ThreadGroupOptions,
  threadCommunicator,
} from './thread-communicator.ts';

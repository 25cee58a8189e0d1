export {
  createThreadGroup,
  type ThreadCommunicator,
  type ThreadGroup,
  type ThreadGroupOptions,
  threadCommunicator,
} from './thread-communicator.ts';

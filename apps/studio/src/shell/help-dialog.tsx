/** What the words mean, and the keys. */
import { Dialog } from './dialog.tsx';

const KEYS = [
  ['← → ↑ ↓', 'move among the faces; with Shift, select'],
  ['Space', 'select this face, or not; Ctrl-click does the same'],
  ['a', 'select all; Esc selects none'],
  ['k', 'keep'],
  ['d', 'drop'],
  ['r', 'move to the identity beside (relabel)'],
  ['u', 'leave to the rule again'],
  ['z, y', 'undo, redo'],
  ['n, p', 'next, previous identity, the most suspicious first'],
  ['?', 'this help'],
] as const;

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Help" onClose={onClose}>
      <h3>What you see</h3>
      <dl class="words-list">
        <dt>Angle</dt>
        <dd>How far a face is from the main look of its identity: 0° is the same, strangers are near 90°.</dd>
        <dt>Main look, other looks</dt>
        <dd>
          Each identity has a few centres (sub-centres). Most of its faces gather around one, the dominant
          one: that is the person. Wrong faces, and the person in unusual photos, gather around the others.
        </dd>
        <dt>As audited, by angle</dt>
        <dd>
          What the audit decided stands until you drag the threshold; then every face at that angle or more
          goes.
        </dd>
        <dt>Expected</dt>
        <dd>
          Nobody knows which faces are really wrong. From the audit's probabilities it can be estimated how
          many of those that go are wrong, and how many wrong ones stay.
        </dd>
        <dt>Your decisions</dt>
        <dd>
          Stand above every rule. They are saved as you go and can be exported, merged with somebody else's,
          and applied.
        </dd>
      </dl>
      <h3>Keys</h3>
      <dl class="keys-list">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

/**
 * A bad network between two network namespaces: `link.ts NAMESPACE-A NAMESPACE-B DEVICE DELAY-MS LOSS`. Makes a TUN device in each, and carries
 * packets from one to the other, late by the delay and with a share of them lost. Linux has this in its kernel (netem), but not
 * every kernel has it, and this needs nothing but `/dev/net/tun`. Runs as root, until it is ended; nothing leaves the namespaces.
 */
import { read, write } from 'node:fs';
import koffi from 'koffi';

const O_RDWR = 2;
const CLONE_NEWNET = 0x40000000;
const TUNSETIFF = 0x400454ca;
/** A device for IP packets, without a header of its own in front of each. */
const IFF_TUN_NO_PI = 0x1001;
/** More than a packet can have. */
const PACKET = 65_536;

const [, , first = '', second = '', device = '', delay = '0', loss = '0'] = process.argv;
const libc = koffi.load('libc.so.6');
const open = libc.func('int open(const char *path, int flags)');
const setns = libc.func('int setns(int namespace, int kind)');
const ioctl = libc.func('int ioctl(int file, unsigned long request, void *value)');

function checked(what: string, result: number): number {
  if (result < 0) throw new Error(`${what} has failed (errno ${koffi.errno()}); this needs root`);
  return result;
}

/** A device in a namespace, as a file from which packets are read. */
function tunnel(namespace: string): number {
  checked('setns', setns(checked(`opening ${namespace}`, open(`/run/netns/${namespace}`, 0)), CLONE_NEWNET));
  const file = checked('opening /dev/net/tun', open('/dev/net/tun', O_RDWR));
  const request = Buffer.alloc(40);
  request.write(device, 0, 15);
  request.writeInt16LE(IFF_TUN_NO_PI, 16);
  checked('TUNSETIFF', ioctl(file, TUNSETIFF, request));
  return file;
}

/** Packets that were carried and lost. */
const count = { carried: 0, lost: 0 };

function carry(from: number, to: number): void {
  const buffer = Buffer.alloc(PACKET);
  read(from, buffer, 0, PACKET, null, (error, length) => {
    if (error) throw error;
    const packet = Buffer.from(buffer.subarray(0, length));
    if (Math.random() < Number(loss)) count.lost++;
    else {
      count.carried++;
      // A device that is down takes nothing: the packet is lost, as on a cable that is not plugged in.
      setTimeout(() => write(to, packet, () => {}), Number(delay));
    }
    carry(from, to);
  });
}

const [a, b] = [tunnel(first), tunnel(second)];
carry(a, b);
carry(b, a);
process.stdout.write('up\n');
process.on('SIGTERM', () => {
  process.stdout.write(`${count.carried} packets carried, ${count.lost} lost\n`);
  process.exit(0);
});

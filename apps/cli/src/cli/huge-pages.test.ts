import { expect, it } from 'vitest';
import { hugePageEnvironment } from './huge-pages.ts';

const onRequest = 'always [madvise] never\n';

it('asks for large pages where the kernel gives them on request', () => {
  expect(hugePageEnvironment({ HOME: '/home/a' }, onRequest)).toEqual({
    HOME: '/home/a',
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  });
});

it('keeps other settings of the C library', () => {
  const env = hugePageEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.arena_max=2' }, onRequest);
  expect(env?.GLIBC_TUNABLES).toBe('glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1');
});

it.each([
  ['the kernel gives them always', {}, '[always] madvise never\n'],
  ['the kernel never gives them', {}, 'always madvise [never]\n'],
  ['there is no such setting', {}, ''],
  ['they were asked for, as after the restart', { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' }, onRequest],
  ['they were declined', { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' }, onRequest],
])('changes nothing when %s', (_, env, setting) => {
  expect(hugePageEnvironment(env, setting)).toBeNull();
});

#!/usr/bin/env bash
# Installs Debian's Chromium where there is none and apt may be used; what needs it says that it is skipped where it could not be had.
if ! [ -x /usr/bin/chromium ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq chromium >/dev/null
fi
[ -x /usr/bin/chromium ] || echo 'no Chromium: tests in a browser will be skipped'

#!/bin/sh
# What some tests need beside Python: Node with the AWS SDK, and a C compiler. `make test` calls this where CI=true; elsewhere those
# tests skip and say what is missing. A package that cannot be had is said so, and its tests skip with the reason.
set -u
wanted=
command -v node >/dev/null 2>&1 || wanted="$wanted nodejs npm"
command -v cc >/dev/null 2>&1 || wanted="$wanted gcc libc6-dev"
if [ -n "$wanted" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $wanted; } >/dev/null || echo "could not install:$wanted"
  else
    echo "install as root, with this system's package manager:$wanted"
  fi
fi
if command -v npm >/dev/null 2>&1; then
  modules=$(npm root -g)
  [ -d "$modules/@aws-sdk/client-eventbridge" ] || npm install --silent --no-audit --no-fund -g @aws-sdk/client-eventbridge >/dev/null 2>&1 \
    || echo "could not install @aws-sdk/client-eventbridge for Node"
fi
exit 0

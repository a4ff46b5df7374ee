#!/bin/sh
# A runtime in shell. What an event asks for is in its text; "call" is one HTTP request (see call.py).
cd "$LAMBDA_TASK_ROOT" || exit 1
call() { @PYTHON@ -I call.py "$@"; }
count=0
echo "init of $_HANDLER"
if [ "${FAIL_INIT:-}" ]; then
  echo '{"errorType":"Runtime.NoLuck","errorMessage":"not today"}' | call POST /runtime/init/error Runtime.NoLuck
  exit 1
fi
while true; do
  event=$(call GET /runtime/invocation/next) || exit 99
  id=$(cat "$TMPDIR/request-id")
  count=$((count + 1))
  case "$event" in
    *error*)
      echo '{"errorMessage":"as asked","errorType":"Mine"}' | call POST "/runtime/invocation/$id/error" Function.Mine ;;
    *exit-0*) exit 0 ;;
    *exit-3*) exit 3 ;;
    *kill*) kill -9 $$ ;;
    *hang*) sleep 600 ;;
    *leave*)
      sleep 600 &
      printf '%s' $! | call POST "/runtime/invocation/$id/response" ;;
    *print*)
      echo "to output"
      echo "to error" >&2
      printf 'no end'
      printf '"printed"' | call POST "/runtime/invocation/$id/response" ;;
    *large*)
      head -c 7000000 /dev/zero | tr '\0' 'x' | call POST "/runtime/invocation/$id/response" ;;
    *count*) printf '%s' "$count" | call POST "/runtime/invocation/$id/response" ;;
    *answer-then-exit*)
      printf '"last"' | call POST "/runtime/invocation/$id/response"
      exit 0 ;;
    *) printf '%s' "$event" | call POST "/runtime/invocation/$id/response" ;;
  esac
done

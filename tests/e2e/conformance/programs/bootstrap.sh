#!/bin/sh
# The program of the conformance suite in shell: does what "do" says. Bodies go through files: an argument has a limit.
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
place=${TMPDIR:-/tmp}
respond() { curl -sS -o /dev/null -X POST --data-binary @- "$api/invocation/$id/response"; }
while true; do
  curl -sS -D "$place/headers" -o "$place/event" "$api/invocation/next" || exit 99
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$place/headers" | tr -d '[:space:]' | cut -d: -f2)
  do=$(head -c 100 "$place/event" | sed -n 's/^{"do": *"\([a-z]*\)".*/\1/p')
  case "$do" in
    fail)
      echo '{"errorMessage":"as asked","errorType":"Mine"}' |
        curl -sS -o /dev/null -X POST --data-binary @- -H "Lambda-Runtime-Function-Error-Type: Mine" "$api/invocation/$id/error" ;;
    hang) sleep 600 ;;
    exit) exit 3 ;;
    memory) tail /dev/zero ;;
    variables) printf '"%s %s %s"' "$STAGE" "$AWS_LAMBDA_FUNCTION_NAME" "$_HANDLER" | respond ;;
    tmp)
      if [ -e "$place/mark" ]; then printf '"kept"' | respond; else printf '"new"' | respond; fi
      touch "$place/mark" ;;
    say)
      echo "to output"
      printf '"said"' | respond ;;
    large)
      size=$(sed 's/.*"size": *\([0-9]*\).*/\1/' "$place/event")
      { printf '"'; head -c "$size" /dev/zero | tr '\0' x; printf '"'; } | respond ;;
    layer) printf '"%s"' "$(layer-says)" | respond ;;
    *) respond < "$place/event" ;;
  esac
done

#!/usr/bin/env bash
# The check on a machine with a GPU, which needs neither a network nor .NET: see run.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/run.py" "$@"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes the table of what `help PROGRAM` prints in the shell: the comment at the top of each apps/NAME/main.c.
#
#   tools/program_help.sh apps/*/main.c > program_help.c       (apps/shell/shell.mk)
set -eu
echo '#include "apps/shell/commands.h"'
echo 'const struct program_help program_helps[] = {'
for file in "$@"; do
	name=$(basename "$(dirname "$file")")
	awk -v name="$name" '
	/^\/\*$/ { inside = 1; printf "{ \"%s\",\n", name; next }
	inside && /^ \*\// { print "},"; exit }
	inside { sub(/^ \* ?/, ""); gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "\"%s\\n\"\n", $0 }' "$file"
done
echo '{ 0, 0 } };'

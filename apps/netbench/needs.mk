# SPDX-License-Identifier: BSD-2-Clause
# The drivers without which this program is left out of an image: see the Makefile.
needs_netbench = net

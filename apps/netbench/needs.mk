# SPDX-License-Identifier: BSD-2-Clause
needs_netbench = net

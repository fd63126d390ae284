# SPDX-License-Identifier: BSD-2-Clause
needs_nettest = net

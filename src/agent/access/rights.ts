import type { WindowsRight } from '../../domain/ports/action.ts';

/** A right in words, for people. Groups and lists of access are named as Windows names them. */
export function rightInWords(right: WindowsRight): string {
  switch (right.is) {
    case 'service':
      return `ask, start and stop the service ${right.service}: (A;;CCLCSWRPWPLORC;;;SID) in its list (sc.exe sdset)`;
    case 'folder':
      return `list and delete below ${right.path}: icacls (OI)(CI)(RX,D,DC)`;
    case 'shutdown':
      return 'SeShutdownPrivilege, and SeRemoteShutdownPrivilege since a login by key is a network logon';
    case 'administrator':
      return `Administrators, for which Windows knows no lesser right: to ${right.why}`;
  }
}

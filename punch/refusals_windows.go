package punch

import "golang.org/x/sys/windows"

// refusals are the errors that an answer from the network makes of a SYN (WSAConnect).
var refusals = []error{
	windows.WSAECONNREFUSED, windows.WSAECONNRESET, windows.WSAECONNABORTED, windows.WSAETIMEDOUT,
	windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH, windows.WSAENETDOWN, windows.WSAEACCES,
}

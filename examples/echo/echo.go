// Echo is a server that repeats what it hears, and its client. It knows nothing
// of punchlab; its test shows how a program like it is tested behind a NAT.
//
//	echo serve :7000
//	echo ask example.org:7000 'is anybody there?'
package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		listener, err := net.Listen("tcp", args[1])
		if err != nil {
			return err
		}
		return serve(listener)
	case len(args) == 3 && args[0] == "ask":
		conn, err := net.Dial("tcp", args[1])
		if err != nil {
			return err
		}
		defer conn.Close()
		answer, err := ask(conn, args[2])
		if err != nil {
			return err
		}
		_, err = fmt.Println(answer)
		return err
	}
	return errors.New("usage: echo serve ADDRESS, or echo ask ADDRESS LINE")
}

// serve repeats every line of every client, with the address that the client
// comes from in front of it, until the listener is closed.
func serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				if _, err := fmt.Fprintf(conn, "%s said %s\n", conn.RemoteAddr(), lines.Text()); err != nil {
					return
				}
			}
		}()
	}
}

// ask sends the server a line and returns its answer.
func ask(conn net.Conn, line string) (string, error) {
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

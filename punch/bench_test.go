package punch

import "testing"

// BenchmarkConnect is one whole attempt on loopback: two peers and the server, without any path.
func BenchmarkConnect(b *testing.B) {
	for _, s := range ways() {
		b.Run(s.Name(), func(b *testing.B) {
			server, at := serve(b)
			cfg := config(b, s.Name(), NewSecret(), at)
			b.ReportAllocs()
			for b.Loop() {
				first, second := start(b.Context(), cfg), start(b.Context(), cfg)
				for _, r := range []result{<-first, <-second} {
					if r.err != nil {
						b.Fatal(r.err)
					}
					reset(r.conn)
				}
				server.Reset()
			}
		})
	}
}

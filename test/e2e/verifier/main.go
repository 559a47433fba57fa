// Verifies an exported ledger with other people's code: Go's own transparency-log and signed-note packages.
// It shares nothing with the TypeScript that wrote the files but the public formats.
//
//	verifier FOLDER [VKEY]
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: verifier FOLDER [VKEY]")
		os.Exit(2)
	}
	size, err := verify(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	fmt.Printf("OK: %d entries\n", size)
}

func verify(folder string, keys []string) (int64, error) {
	if len(keys) == 0 {
		text, err := os.ReadFile(filepath.Join(folder, "vkey"))
		if err != nil {
			return 0, err
		}
		keys = strings.Fields(string(text))
	}
	var verifiers []note.Verifier
	for _, key := range keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return 0, err
		}
		verifiers = append(verifiers, verifier)
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return 0, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return 0, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifiers[0].Name() {
		return 0, errors.New("the checkpoint is not origin, size and root")
	}
	var size int64
	if _, err := fmt.Sscanf(lines[1], "%d", &size); err != nil {
		return 0, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return 0, err
	}
	return size, verifyTree(folder, tlog.Tree{N: size, Hash: root})
}

// Go's TileHashReader authenticates every tile it reads against the signed root; each entry must then hash to its leaf.
func verifyTree(folder string, tree tlog.Tree) error {
	reader := tlog.TileHashReader(tree, tiles{folder})
	var stored []tlog.Hash
	for first := int64(0); first < tree.N; first += width {
		count := min(width, tree.N-first)
		entries, err := readBundle(folder, first/width, count)
		if err != nil {
			return err
		}
		indexes := make([]int64, count)
		for at := range indexes {
			indexes[at] = tlog.StoredHashIndex(0, first+int64(at))
		}
		leaves, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for at, entry := range entries {
			if tlog.RecordHash(entry) != leaves[at] {
				return fmt.Errorf("entry %d does not match its hash", first+int64(at))
			}
			hashes, err := tlog.StoredHashes(first+int64(at), entry, tlog.HashReaderFunc(func(wanted []int64) ([]tlog.Hash, error) {
				found := make([]tlog.Hash, len(wanted))
				for i, index := range wanted {
					found[i] = stored[index]
				}
				return found, nil
			}))
			if err != nil {
				return err
			}
			stored = append(stored, hashes...)
		}
	}
	recomputed, err := tlog.TreeHash(tree.N, tlog.HashReaderFunc(func(wanted []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(wanted))
		for i, index := range wanted {
			found[i] = stored[index]
		}
		return found, nil
	}))
	if err != nil {
		return err
	}
	if tree.N > 0 && recomputed != tree.Hash {
		return errors.New("the entries do not lead to the signed root")
	}
	return nil
}

func readBundle(folder string, index, count int64) ([][]byte, error) {
	data, err := os.ReadFile(filepath.Join(folder, place("entries", index, count)))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for rest := data; len(rest) > 0; {
		if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
			return nil, fmt.Errorf("bundle %d is cut off", index)
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		entries = append(entries, bytes.Clone(rest[2:end]))
		rest = rest[end:]
	}
	if int64(len(entries)) != count {
		return nil, fmt.Errorf("bundle %d holds %d entries instead of %d", index, len(entries), count)
	}
	return entries, nil
}

func place(level string, index, count int64) string {
	path := fmt.Sprintf("%03d", index%1000)
	for rest := index / 1000; rest > 0; rest /= 1000 {
		path = fmt.Sprintf("x%03d/%s", rest%1000, path)
	}
	if count < width {
		path += fmt.Sprintf(".p/%d", count)
	}
	return filepath.Join("tile", level, path)
}

type tiles struct{ folder string }

func (t tiles) Height() int                          { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.folder, place(fmt.Sprint(tile.L), tile.N, int64(tile.W))))
		if err != nil {
			return nil, err
		}
		found[i] = data
	}
	return found, nil
}

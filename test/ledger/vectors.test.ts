import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { openCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.ts';
import { parseSigner, parseVerifier } from '../../src/ledger/note.ts';
import {
  checkConsistency,
  checkInclusion,
  checkSubtreeConsistency,
  checkSubtreeInclusion,
  type ProofVerdict,
} from '../../src/ledger/proof.ts';
import { hashLeaf } from '../../src/ledger/hash.ts';
import { TreeEdge } from '../../src/ledger/tree.ts';
import { packFrames } from '../../src/lib/frames.ts';
import { filesBelow, vectorTest } from './support/vectors.ts';

interface Vector {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly size1: number;
  readonly size2: number;
  readonly root: string;
  readonly root1: string;
  readonly root2: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'base64');

const checks: Readonly<Record<string, (v: Vector, proof: readonly Uint8Array[]) => ProofVerdict>> = {
  inclusion: (v, proof) => checkInclusion(bytes(v.leafHash), v.leafIdx, v.treeSize, proof, bytes(v.root)),
  consistency: (v, proof) => checkConsistency(v.size1, v.size2, proof, bytes(v.root1), bytes(v.root2)),
  subtreeinclusion: (v, proof) => checkSubtreeInclusion(bytes(v.leafHash), v.leafIdx, v, proof, bytes(v.root)),
  subtreeconsistency: (v, proof) =>
    checkSubtreeConsistency(v.start, v.end, v.size, proof, bytes(v.root1), bytes(v.root2)),
};
const expected = { inclusion: 98, consistency: 98, subtreeinclusion: 204, subtreeconsistency: 118 };

describe('public Merkle vectors (transparency-dev/merkle)', () => {
  for (const [kind, count] of Object.entries(expected))
    vectorTest(`agrees with all ${count} ${kind} proofs`, (folder) => {
      const files = filesBelow(path.join(folder, 'merkle', kind)).filter((file) => file.endsWith('.json'));
      const disagreed = files.filter((file) => {
        const vector = JSON.parse(readFileSync(file, 'utf8')) as Vector;
        const verdict = checks[kind]!(vector, (vector.proof ?? []).map(bytes));
        return (verdict !== undefined) !== vector.wantErr;
      });
      expect(disagreed).toEqual([]);
      expect(files).toHaveLength(count);
    });
});

const words = 'one two three four five six seven eit nain ten ileven twelf threeten fourten fivten'.split(' ');
const secret = 'PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg';
const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

describe('public log (transparency-dev/tessera)', () => {
  vectorTest('reproduces every checkpoint, tile and entry bundle byte for byte', (folder) => {
    const signer = parseSigner(secret);
    expect(signer.text).toBe(vkey);
    const log = path.join(folder, 'tessera', 'log');
    const seen: string[] = [];
    const compare = (name: string, made: Uint8Array | string): void => {
      expect(Buffer.from(made).equals(readFileSync(path.join(log, name))), name).toBe(true);
      seen.push(path.join(log, name));
    };
    const edge = new TreeEdge();
    for (let size = 0; size <= words.length; size++) {
      if (size > 0) edge.append(hashLeaf(Buffer.from(words[size - 1]!)));
      const note = signCheckpoint({ origin: signer.name, size, root: edge.root() }, [signer]);
      compare(`checkpoint.${size}`, note);
      expect(openCheckpoint(note, [parseVerifier(vkey)], signer.name).size).toBe(size);
      // The fixture was grown in steps: tiles exist only for the sizes it stopped at.
      const tile = `tile/0/000.p/${size}`;
      if (filesBelow(log).includes(path.join(log, tile))) compare(tile, edge.partialTile(0)!);
      const bundle = `tile/entries/000.p/${size}`;
      if (filesBelow(log).includes(path.join(log, bundle)))
        compare(bundle, packFrames(words.slice(0, size).map((word) => Buffer.from(word))));
    }
    compare('checkpoint', signCheckpoint({ origin: signer.name, size: 15, root: edge.root() }, [signer]));
    expect(seen.sort()).toEqual(filesBelow(log));
  });
});

describe('known answers of RFC 6962', () => {
  // Leaves and roots of the reference implementation's own test (certificate-transparency, merkle tree test data).
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];

  test('the root after each of the eight reference leaves', () => {
    const edge = new TreeEdge();
    expect(Buffer.from(edge.root()).toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    const got = leaves.map((leaf) => {
      edge.append(hashLeaf(Buffer.from(leaf, 'hex')));
      return Buffer.from(edge.root()).toString('hex');
    });
    expect(got).toEqual(roots);
  });
});

import type { Ear, Heard, HeardReply } from '../../src/domain/ports/channel.ts';

/** An ear that keeps what it hears and answers as told. */
export function listeningEar(
  reply: HeardReply = { is: 'recorded', settled: true, message: 'It is being carried out.' },
): { readonly ear: Ear; readonly heard: Heard[]; readonly commands: string[]; readonly refused: string[] } {
  const heard: Heard[] = [];
  const commands: string[] = [];
  const refused: string[] = [];
  const ear: Ear = {
    answer: (said) => {
      heard.push(said);
      return Promise.resolve(reply);
    },
    command: (words, who) => {
      commands.push(`${who.id}${who.groups.length > 0 ? ` (${who.groups.join()})` : ''}: ${words}`);
      return Promise.resolve('On watch.');
    },
    runbooks: () => Promise.resolve([]),
    refused: (who, what, because) => {
      refused.push(`${who} ${what}: ${because}`);
      return Promise.resolve();
    },
  };
  return { ear, heard, commands, refused };
}

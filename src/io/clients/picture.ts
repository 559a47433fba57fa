import { fileURLToPath } from 'node:url';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';

const fonts = ['400Regular/PTSans_400Regular.ttf', '700Bold/PTSans_700Bold.ttf'];

/**
 * An SVG as PNG, drawn beside the main thread with the fonts that come along. The renderer is native code and is loaded with
 * the first picture: a daemon that draws nothing does not carry it.
 *
 * @throws WatchkeeperError `too-large`; `unsupported` where the renderer is not there for this platform; `timeout`; `malformed`.
 */
export async function drawPng(svg: string, parent: AbortSignal): Promise<Uint8Array> {
  if (svg.length > limits.pictureSvgBytes)
    throw new WatchkeeperError('too-large', 'the picture is too large to be drawn');
  const { renderAsync } = await import('@resvg/resvg-js').catch((thrown: unknown) => {
    throw WatchkeeperError.from(thrown, 'unsupported', 'pictures cannot be drawn here');
  });
  const signal = AbortSignal.any([parent, AbortSignal.timeout(limits.pictureMs)]);
  try {
    // The renderer does not look at a signal that has fired already.
    signal.throwIfAborted();
    const drawn = await renderAsync(
      svg,
      {
        background: '#ffffff',
        font: { fontFiles: fonts.map(fontFile), loadSystemFonts: false, defaultFontFamily: 'PT Sans' },
        logLevel: 'off',
      },
      signal,
    );
    return new Uint8Array(drawn.asPng());
  } catch (thrown) {
    throw WatchkeeperError.from(thrown, signal.aborted ? 'timeout' : 'malformed', 'a picture could not be drawn');
  }
}

function fontFile(name: string): string {
  return fileURLToPath(import.meta.resolve(`@expo-google-fonts/pt-sans/${name}`));
}

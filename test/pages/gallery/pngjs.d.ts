/** What of pngjs is used here; it ships no types. */
declare module 'pngjs' {
  export class PNG {
    static sync: { read(data: Buffer): PNG; write(image: PNG): Buffer };
    width: number;
    height: number;
    data: Buffer;
  }
}

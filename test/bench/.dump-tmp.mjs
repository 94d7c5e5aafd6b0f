import { build } from 'esbuild';
const r=await build({stdin:{contents:`import '/tmp/wt/connect/dist/define/rulrr-connect.js';`,resolveDir:'/tmp/wt/connect'},bundle:true,minify:true,format:'esm',target:'es2022',splitting:true,outdir:'/tmp/connect/out',external:['lit','lit/*','lean-qr','lean-qr/*'],conditions:['production']});

process.stdout.write('watchkeeper\n');
